"""What every room stands on: settings, the database, jobs, MCP sessions and their guards. Knows no room."""
