"""One file for each larger command of `cli`: parse, call, print."""
