"""The deploy tool: numbered migrations, and a folder of functions and policies that is re-applied."""
