"""Categories of images become those of videos: by name, by a built-in map, by a map of one's own."""

import json
from pathlib import Path

import pytest

from rcf.data.annotations import Annotations, Category, Track, Video
from rcf.data.category_maps import built_in_maps, match_categories, with_categories_of
from rcf.errors import InputError


def _list(text: str) -> list[str]:
    return " ".join(text.split()).split(", ")


# The official lists, in the order of their ids, which start at 1. The spelling "Vehical" is OVIS's own.
YTVIS_2019 = _list("""
    person, giant_panda, lizard, parrot, skateboard, sedan, ape, dog, snake, monkey, hand, rabbit, duck, cat,
    cow, fish, train, horse, turtle, bear, motorbike, giraffe, leopard, fox, deer, owl, surfboard, airplane,
    truck, zebra, tiger, elephant, snowboard, boat, shark, mouse, frog, eagle, earless_seal, tennis_racket
""")
YTVIS_2021 = _list("""
    airplane, bear, bird, boat, car, cat, cow, deer, dog, duck, earless_seal, elephant, fish, flying_disc, fox,
    frog, giant_panda, giraffe, horse, leopard, lizard, monkey, motorbike, mouse, parrot, person, rabbit, shark,
    skateboard, snake, snowboard, squirrel, surfboard, tennis_racket, tiger, train, truck, turtle, whale, zebra
""")
OVIS = _list("""
    Person, Bird, Cat, Dog, Horse, Sheep, Cow, Elephant, Bear, Zebra, Giraffe, Poultry, Giant_panda, Lizard,
    Parrot, Monkey, Rabbit, Tiger, Fish, Turtle, Bicycle, Motorcycle, Airplane, Boat, Vehical
""")
COCO = _list("""
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove,
    skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
    sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining
    table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
    refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush
""")
TARGETS = {"coco_ytvis2019": YTVIS_2019, "coco_ytvis2021": YTVIS_2021, "coco_ovis": OVIS}


def _set(names: list[str], path: str = "set.json") -> Annotations:
    categories = tuple(Category(number, name) for number, name in enumerate(names, start=1))
    return Annotations(Path(path), (), categories, ())


def _names(name: str, images: list[str], videos: list[str]) -> dict[str, str]:
    matched = match_categories(name, _set(images), _set(videos))
    return {images[source - 1]: videos[target - 1] for source, target in matched.items()}


@pytest.mark.parametrize(("name", "count"), [("coco_ytvis2019", 19), ("coco_ytvis2021", 21), ("coco_ovis", 17)])
def test_every_name_of_a_built_in_map_is_in_the_official_lists(name: str, count: int) -> None:
    found = _names(name, COCO, TARGETS[name])
    assert found == built_in_maps()[name]
    assert len(found) == count


def test_the_lists_have_as_many_categories_as_the_data_sets() -> None:
    assert [len(names) for names in (COCO, YTVIS_2019, YTVIS_2021, OVIS)] == [80, 40, 40, 25]


def test_a_name_means_the_same_in_both_sets() -> None:
    """What a built-in map joins under unlike names, all of it."""
    pairs = {pair for name in TARGETS for pair in _names(name, COCO, TARGETS[name]).items()}
    unlike = {(s, t) for s, t in pairs if s.replace(" ", "_") != t.lower()}
    assert unlike == {
        ("car", "sedan"), ("motorcycle", "motorbike"), ("frisbee", "flying_disc"), ("car", "Vehical"),
        ("bus", "Vehical"), ("truck", "Vehical"),
    }  # fmt: skip


def test_the_mouse_of_coco_is_no_animal() -> None:
    assert "mouse" not in _names("coco_ytvis2019", COCO, YTVIS_2019)


def test_equal_names_are_joined_whatever_their_case_and_spaces() -> None:
    assert _names("name", ["tennis racket", "Dog", "cup"], ["dog", "tennis_racket", "cow"]) == {
        "tennis racket": "tennis_racket", "Dog": "dog"}  # fmt: skip


def test_a_map_of_ones_own_may_join_what_it_likes(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps({"wolf": "dog", "dog": "dog"}))
    assert _names(f"file:{tmp_path / 'map.json'}", ["wolf", "dog", "cup"], ["cow", "dog"]) == {
        "wolf": "dog", "dog": "dog"}  # fmt: skip


def test_unknown_names_in_a_map_of_ones_own_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps({"wulf": "dog", "dog": "dogg", "cup": 3}))
    with pytest.raises(InputError) as caught:
        _names(f"file:{tmp_path / 'map.json'}", ["wolf", "dog", "cup"], ["cow", "dog"])
    assert [problem.place for problem in caught.value.problems] == ["/wulf", "/dog", "/cup"]


@pytest.mark.parametrize("text", ["[]", "{", "3"])
def test_a_file_that_is_no_map_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(InputError, match=r"map\.json"):
        _names(f"file:{tmp_path / 'map.json'}", ["wolf"], ["dog"])


def test_an_unknown_map_lists_those_that_there_are() -> None:
    with pytest.raises(InputError, match="coco_ytvis2019, coco_ytvis2021, coco_ovis"):
        _names("coco_ytvis2020", COCO, YTVIS_2019)


def test_sets_that_share_no_category_are_refused() -> None:
    with pytest.raises(InputError, match=r"data\.images\.category_map"):
        _names("name", ["cup"], ["dog"])


def test_objects_of_other_categories_are_left_out() -> None:
    video = Video(1, 4, 4, 1, ("a.jpg",))
    tracks = tuple(Track(number, 1, number, False, (None,), (None,)) for number in (1, 2))
    images = Annotations(Path("i.json"), (video,), (Category(1, "cup"), Category(2, "dog")), tracks)
    videos = _set(["cow", "dog"])
    joined = with_categories_of(images, videos, match_categories("name", images, videos))
    assert joined.categories == videos.categories
    assert [(track.id, track.category_id) for track in joined.tracks] == [(2, 2)]
