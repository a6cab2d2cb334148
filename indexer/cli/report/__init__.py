"""`indexer report`: one page about a store, for the person who gets the cron job's mail.

sections   what the page asks, and what it shows of each answer
charts     an answer as a picture
page       the answers put into the page
command    where the page goes
"""
