class StringMark:
    line: int
    column: int

class YAMLError(Exception): ...

class MarkedYAMLError(YAMLError):
    context: str | None
    problem: str | None
    problem_mark: StringMark | None
