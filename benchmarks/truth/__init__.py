"""How true what skillcore says is, held against data of learners; some of it on a database of its own."""
