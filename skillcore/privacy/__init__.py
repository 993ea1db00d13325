"""Privacy: what people may take with them, have erased, and choose to show; and what is not kept for ever.

It walks what all tables declare of people, so a new table takes part by its declaration. It owns requests to be erased
and what people chose to show. What other rooms forget in time, and what erasing asks of them, they list in their `Room`.
"""
