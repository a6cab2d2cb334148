-- macro: A sum of bytes as an integer of 64 bits, NULL if it is NULL; what is larger becomes the largest, 9223372036854775807.
-- parameter: figure integer : the sum; sizes are as manifests claim them, so it may be absurd
case when $figure > 9223372036854775807 then 9223372036854775807 else $figure::bigint end
