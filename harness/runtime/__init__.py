"""One execution of a program: tasks, the vehicle that carries them, the choice log, virtual time."""

from .execution import ChoicePoint, Execution, Option
from .task import Task

__all__ = ["ChoicePoint", "Execution", "Option", "Task"]
