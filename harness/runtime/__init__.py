"""One execution of a program: tasks, the vehicle that carries them, the choice log, virtual time."""

from .execution import ChoicePoint, Execution
from .task import Option, Task

__all__ = ["ChoicePoint", "Execution", "Option", "Task"]
