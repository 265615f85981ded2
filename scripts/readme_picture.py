"""Makes the picture in the README: one frame of the video that `make demo` leaves.

Usage: python scripts/readme_picture.py [VIDEO] [SECOND] [PICTURE]
"""

import sys

import av


def main(video: str = "out/episode.mp4", second: str = "22.5", picture: str = "docs/pictures/home.jpg") -> None:
    """Writes the first frame of `video` at or after `second` to `picture`."""
    with av.open(video) as file:
        frame = next(frame for frame in file.decode(video=0) if frame.time >= float(second))
    frame.to_image().save(picture, quality=88, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
