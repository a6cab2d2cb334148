"use strict";
// Tables sort by a press on a column's name, and show the rows that have a text. Without this script they stand as they are.
const compare = (left, right, number) =>
  number ? Number(left) - Number(right) : left.localeCompare(right, "en", { numeric: true });

const sort = (table, place, falling) => {
  const body = table.tBodies[0];
  const number = table.tHead.rows[0].cells[place].classList.contains("number");
  const key = (row) => row.cells[place].dataset.key;
  const rows = [...body.rows].map((row) => [key(row), row]);
  // What is unknown comes last, whichever way.
  const order = (a, b) => (a[0] === "") - (b[0] === "") || (falling ? -1 : 1) * compare(a[0], b[0], number);
  body.append(...rows.sort(order).map(([, row]) => row));
};

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    head.querySelector("button").addEventListener("click", () => {
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const other = first === "descending" ? "ascending" : "descending";
      const next = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", next);
      sort(table, place, next === "descending");
    });
  });
}

for (const filter of document.querySelectorAll(".filter")) {
  const rows = [...filter.parentElement.querySelector("tbody").rows];
  filter.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row) => words.every((word) => row.textContent.toLowerCase().includes(word));
    for (const row of rows) row.hidden = !fits(row);
    const left = rows.filter((row) => !row.hidden).length;
    filter.querySelector("output").textContent = words.length ? `${left} of ${rows.length}` : "";
  });
}
