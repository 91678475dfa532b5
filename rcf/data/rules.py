"""What a video data set must obey, one rule a line: `rcflab data check --rules` prints this table.

    reader, decoder --Problem.rule--> id --RULES--> what must hold, an example of a breach, who refuses it

The id is stable: scripts may look for it. A breach that training cannot read in one way stops training too; the others
stop only the check, because other tools (the official evaluator, the COCO API) stumble on them, or read them otherwise.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold."""

    id: str
    what: str
    example: str
    """What breaks it."""
    training: bool
    """Whether training refuses it too, not only the check."""


_TRAINING_TOO = """
root-missing            | the root is a folder | a mistyped path
split-missing           | both splits are there: an annotation file and a folder of frames | valid.json not fetched
frames-folder-missing   | the folder that holds the frames is there | an archive that was never unpacked
file-missing            | the annotation file is there | train.json moved
file-unreadable         | the annotation file can be read | no permission
file-empty              | the file holds something | 0 bytes after a full disk
file-cut                | the file is whole | a download that broke off
file-web-page           | the file is JSON, no web page | the login page of a drive, saved as instances.json
file-lfs-pointer        | the file is JSON, no Git LFS pointer | a clone without `git lfs pull`
file-encoding           | the text is UTF-8; a byte order mark is accepted | Latin-1
json-syntax             | the text is JSON | [1 2]
json-depth              | values are nested at most some hundred deep | 100,000 times [
json-number-length      | numbers have at most 4,300 digits | a whole number of 100,000 digits
json-key-twice          | each key of an object is given once | {"id": 1, "id": 2}
json-number-finite      | numbers are finite | NaN, Infinity, 1e999
top-level-object        | the file holds one object | a list of annotations
videos-missing          | there is a list `videos` | none, or null
categories-missing      | there is a list `categories` | none, or null
annotations-missing     | there is a list `annotations` | none
annotations-null        | labels are there; null is accepted where none are needed (not train) | "annotations": null
row-object              | a list of videos, categories or annotations holds objects | "videos": [[1, 2]]
field-type              | a field has its type | "name": 5
id-type                 | ids are whole numbers of 64 bits | "id": "1", "id": 1.0
video-id-twice          | each video has an id of its own | two videos 7
category-id-twice       | each category has an id of its own | two categories 7
annotation-id-twice     | each annotation has an id of its own | two annotations 7
video-unknown           | `video_id` is the id of a video | 99, where there is none
category-unknown        | `category_id` is the id of a category; 0 and gaps are accepted | 99, where there is none
size-range              | width and height are whole numbers from 1 to 32768 | 0, -5, 1000000000
video-length            | `length` is the number of file_names | "length": 4 with three frames
frames-empty            | a video has at least one frame | "file_names": []
frame-listed-twice      | each frame file is listed once in the set | two videos that share a frame
fps-range               | `fps` is above 0, at most 1000 | 0
hard-frames             | `hard_frames` are numbers of frames | 12 in a video of 12 frames
name-empty              | a file name names a file | "", "a/"
name-character          | names hold no NUL, control character, backslash, drive letter | "a\\\\1.jpg", "C:/a.jpg"
name-absolute           | file names are relative | "/home/me/a.jpg"
name-climbs             | file names stay below their folder | "../a.jpg"
link-leaves             | links stay below their folder | a link to /home/me/a.jpg
frame-missing           | each listed frame is on disk | an archive that is half unpacked
frame-empty             | a frame file holds something | 0 bytes
frame-not-file          | a frame is a file | a folder
frame-damaged           | a frame can be decoded whole | a JPEG that was cut short
frame-size              | a frame has the size that its video declares | 640x360 in a video of 1280x720
sound-missing           | where there are sounds, each video has one, or `audio_file: null` | a flac file not fetched
sound-damaged           | a sound can be decoded whole, all samples are finite | a flac file that was cut short
track-length            | `segmentations` has one entry a frame of the video | 19 entries for 20 frames
areas-length            | `areas` has one entry a frame of the video | 19 entries for 20 frames
area-range              | an area is a number of at least 0, or null | -1
crowd-flag              | `iscrowd` is 0 or 1 | 2
mask-form               | a mask is null, run lengths or polygons | "abc"
mask-size               | a mask has the size of its video: [height, width] | width and height exchanged
rle-sum                 | the runs of a mask add up to height x width | a run is missing
rle-text                | compressed runs are what an encoder writes | a letter outside the alphabet, text cut short
rle-runs                | uncompressed runs are whole numbers from 0 to height x width | -2, 10.0
polygon-points          | a polygon is a list of at least three x, y pairs | 5 numbers
polygon-range           | polygon coordinates are numbers, at most one frame away from the frame | 1e9
categories-differ       | train and validation have the same categories | another order of ids
"""
_CHECK_ONLY = """
category-id-negative    | category ids are not negative: -1 is how evaluators say "any category" | -1
category-name-empty     | each category has a name | ""
category-name-twice     | each category has a name of its own | two categories "dog"
frames-unordered        | frames are listed in the order of their numbers | 00010.jpg before 00005.jpg
annotation-size         | `height`, `width`, `length` of an annotation are those of its video | 720, not 360
track-all-null          | an object is visible in at least one frame: no detector can find it else | all entries null
crowd-missing           | `iscrowd` is there: the official evaluator fails without; training reads 0 | no such key
boxes-length            | `bboxes` has one entry a frame of the video | 19 entries for 20 frames
box-form                | a box is null or four finite numbers [x, y, w, h] | [1, 2, 3]
box-size                | a box of a visible object has a width and a height above 0 | [4, 4, 0, 9]
polygon-outside         | a polygon lies at least partly inside the frame | all x beyond the width
"""


def _table(text: str, training: bool) -> dict[str, Rule]:
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return {name: Rule(name, what, example, training) for name, what, example in rows}


RULES: dict[str, Rule] = _table(_TRAINING_TOO, True) | _table(_CHECK_ONLY, False)
"""By id."""
