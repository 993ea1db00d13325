"""What ``skillcore doctor`` looks at: the machine, files, the network, the database, and the servers of sources."""
