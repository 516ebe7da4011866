"""The groups of the command line, a module each: a command is one function of SQL, or one view."""
