"""loadloom's checker: runs threads in every order that matters and says which rules hold."""
