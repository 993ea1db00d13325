"""Operations: how the service is, how jobs go, what the API looks like, and requests that may be repeated.

It owns the keys of repeated requests and what workers say of the sources. What jobs do is not here.
"""
