"""How true what skillcore says is, held against data of learners; nothing here needs a database."""
