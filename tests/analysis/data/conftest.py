"""Invented rows in every real layout, written as the real files are: encodings, separators, line ends and all."""

import csv
from pathlib import Path

import pytest


def write(file: Path, text: str, encoding: str = "utf-8", newline: str = "\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.replace("\n", newline).encode(encoding))
    return file


def write_csv(file: Path, header: list[str], rows: list[list[object]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])
    return file


@pytest.fixture
def movielens_100k(tmp_path):
    folder = tmp_path / "ml-100k"
    write(folder / "u.data", "196\t1\t3\t881250949\n22\t2\t1\t878887116\n196\t2\t5\t881250950\n")
    flags = "|".join(["0"] * 5 + ["1", "1"] + ["0"] * 12)
    write(
        folder / "u.item",
        f"1|Die Verlorene Ähre (1995)|01-Jan-1995||http://x/y?Ähre|{flags}\n"
        f"2|Zwölf Monde (1994)|14-Feb-1994|||{flags}\n",
        "latin-1",
    )
    write(folder / "u.user", "196|24|M|writer|55105\n22|61|F|other|94043\n")
    return folder


@pytest.fixture
def movielens_1m(tmp_path):
    folder = tmp_path / "ml-1m"
    write(folder / "ratings.dat", "1::10::5::978300760\n1::20::3::978302109\n2::10::4::978301968\n")
    write(folder / "movies.dat", "10::Café Noir (1998)::Drama|Crime\n20::Long Road, The (1977)::Western\n", "latin-1")
    write(folder / "users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n")
    return folder


@pytest.fixture
def movielens_10m(tmp_path):
    folder = tmp_path / "ml-10M100K"
    write(folder / "ratings.dat", "1::10::4.5::838985046\n2::20::0.5::838983525\n")
    write(folder / "movies.dat", "10::Café Noir (1998)::Drama\n20::Long Road, The (1977)::(no genres listed)\n")
    write(folder / "tags.dat", "1::10::slow::1215184630\n")
    return folder


@pytest.fixture
def movielens_latest(tmp_path):
    folder = tmp_path / "ml-latest-small"
    ratings = [[1, 10, 4.0, 964982703], [1, 20, 4.5, 964981247], [2, 10, 0.5, 1445714835]]
    write_csv(folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"], ratings)
    movies = [[10, 'Quiet, "The" (1999)', "Drama|Crime"], [20, "Night Train (2004)", "(no genres listed)"]]
    write_csv(folder / "movies.csv", ["movieId", "title", "genres"], movies)
    tags = [[1, 10, "Slow burn", 1445714994], [2, 10, "slow burn", 1445714996], [2, 20, "trains, at night", 1445714992]]
    write_csv(folder / "tags.csv", ["userId", "movieId", "tag", "timestamp"], tags)
    write_csv(folder / "links.csv", ["movieId", "imdbId", "tmdbId"], [[10, "0114709", 862], [20, "0113497", ""]])
    return folder


@pytest.fixture
def movietweetings(tmp_path):
    folder = tmp_path / "movietweetings"
    write(folder / "ratings.dat", "1::0114508::8::1381006850\n2::0499549::9::1376753198\n2::0114508::0::1376753199\n")
    write(folder / "movies.dat", "0114508::Señales (1995)::Horror|Sci-Fi\n0499549::Mar (2009)::\n")
    write(folder / "users.dat", "1::177651718\n2::522540374\n")
    return folder


ACTIVITY_HEADER = (
    "Profile Name", "Start Time", "Duration", "Attributes", "Title", "Supplemental Video Type", "Device Type",
    "Bookmark", "Latest Bookmark", "Country",
)  # fmt: skip


@pytest.fixture
def netflix_activity(tmp_path):
    rows = [
        ["Mia", "2024-03-31 19:15:00", "00:45:30", "", "Harbour: Season 2: Ghosts (Episode 3)", "", "Samsung Smart TV"],
        ["Mia", "2024-01-01 23:30:00", "01:45:00", "Autoplayed: user action: None; ", "Heat, again", "", "iPhone 12"],
        ["Mia", "2024-01-02 23:30:00", "00:00:30", "", "Harbour: Season 2_hook", "HOOK", "iPhone 12"],
        ["Tom", "2024-01-01 23:30:00", "01:45:00", "", "Bill: Volume 2", "", "Chrome PC (Cadmium)"],
        ["Tom", "2024-01-01 22:30:00", "00:01:00", "", "Bill: Volume 2 (Trailer)", "TRAILER", "Chrome PC (Cadmium)"],
        ["Mia", "2024-05-31 19:15:00", "00:45:30", "", "Harbour: Season 2: Ghosts (Episode 3)", "", "iPad Air"],
        ["Tom", "2024-05-31 19:15:00", "00:10:00", "", "Harbour: Season 2: Ghosts (Episode 3)", "", "Netbox 3000"],
    ]
    rows = [[*row, row[2], row[2], "DE (Germany)"] for row in rows]
    return write_csv(tmp_path / "CONTENT_INTERACTION" / "ViewingActivity.csv", list(ACTIVITY_HEADER), rows)


@pytest.fixture
def netflix_history(tmp_path):
    text = (
        'Title,Date\n"Harbour: Season 1: Salt","28/2/24"\n"Heat, again","3/2/24"\n"Harbour: Season 1: Salt","1/2/24"\n'
    )
    return write(tmp_path / "NetflixViewingHistory.csv", text, newline="\r\n")
