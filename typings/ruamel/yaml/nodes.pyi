from ruamel.yaml.error import StringMark

class Node:
    start_mark: StringMark
    tag: str

class ScalarNode(Node):
    value: str

class SequenceNode(Node):
    value: list[Node]

class MappingNode(Node):
    value: list[tuple[Node, Node]]
