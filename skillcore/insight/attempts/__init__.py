"""The attempt model as it is made: answers are read, a model is trained on them, and held against answers it has not seen."""
