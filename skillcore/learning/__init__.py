"""Learning: what people learn along, defined by themselves, by platforms or for everybody, and how they train.

It owns definitions and their versions, who follows which learning path, and training sessions, which follow from events.
Tasks, and how they are verified, are not here: they are `work`'s, which stands above and asks whether a topic is locked.
"""
