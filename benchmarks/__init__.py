"""How fast skillcore is beside what its database, its HTTP server and its sources can do by themselves, in the same run."""
