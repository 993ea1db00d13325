"""What ``skillcore plugins check`` goes through: the lines of the checklist, and the plugin that they are held against."""
