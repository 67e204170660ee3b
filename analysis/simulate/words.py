"""The words that invented titles, people and concepts are made of."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Adaeze Agnes Alma Amara Anouk Anton Arjun Asha "
    "Astrid Aurelio Basil Beatriz Bela Bram Camille Carmen Celia Clara "
    "Cosima Dara Davi Desmond Dina Edda Elio Elif Emeka Esme "
    "Fabian Farah Felix Fiona Freya Gael Gita Goran Greta Hana "
    "Hugo Ida Idris Ines Ingrid Isla Ivo Jaya Joao Jonas "
    "Judith Kaito Kamala Karim Kenji Klara Lars Leila Leo Lina Lucia "
    "Luka Mads Maeve Malik Mara Marco Marisol Matteo Mei Milo "
    "Mina Mira Nadia Nia Nils Noor Odile Olga Omar Oscar Otis "
    "Paloma Pavel Petra Priya Quentin Rafael Rania Ravi Rosa "
    "Ruben Ruth Sabine Samir Sanna Selma Sofia Soren Stella Sven "
    "Tamar Tariq Tessa Theo Tomas Uma Valeria Vera Viggo Wanda Yara Yusuf Zadie Zara Zeno"
)

LAST_NAMES = _words(
    "Abbas Adeyemi Albrecht Almeida Alvarez Amsel Andersson "
    "Aoki Arslan Banerjee Barros Becker Bellamy Berger Bianchi "
    "Birkeland Bose Brandt Calloway Carvalho Castellan Chandra "
    "Chowdhury Costa Dahl Danso Delacroix Desai Diallo Dubois "
    "Eklund Engel Farrow Fekete Ferreira Fontaine Gallo Ganesan "
    "Gruber Hadley Halloran Haugen Hayashi Heller Holm Ibarra "
    "Ito Jansen Kapoor Keller Kimura Kovac Laurent Lindqvist "
    "Lombardi Maduro Marchetti Marlowe Mbeki Mendes Mercer Moreau "
    "Nakata Navarro Novak Nwosu Oduya Okafor Olsen Orlov Osei Pereira Petrov Quigley Rahman Reyes Rossi Salgado Sato "
    "Schreiber Serrano Sharma Silva Sorensen Strand Tanaka Teixeira "
    "Thorne Tran Ueda Valente Varga Verma Vogel Wagner "
    "Whitlock Winter Yamada Yilmaz Zeller"
)

PLACES = _words(
    "Aberdeen Antwerp Bahia Bergen Biarritz Bologna Bristol "
    "Calcutta Chicago Cologne Cordoba Dakar Dover Dresden Galway "
    "Genoa Ghent Goa Granada Havana Jaipur Kyoto Lagos "
    "Leipzig Lisbon Lucerne Lyon Madras Manaus Marseille Memphis Naples "
    "Nantes Odessa Oslo Palermo Porto Prague Recife "
    "Riga Rotterdam Salvador Santiago Savannah Seville Tangier Trieste "
    "Tucson Uppsala Utrecht Valencia Verona Vienna Yokohama"
)

NOUNS: dict[str, tuple[str, ...]] = {
    "Drama": _words(
        "Orchard Harbour Inheritance Letter House River Winter "
        "Daughter Promise Silence Field Bridge Season Tide Garden "
        "Station Mother Distance Weight Farewell Lighthouse Quarry Threshold Vineyard Piano Summer Confession"
    ),
    "Comedy": _words(
        "Neighbours Wedding Roommate Holiday Boss Karaoke Casserole Landlord Intern Reunion Goldfish Bakery Yoga "
        "Grandpa Mattress Umbrella Potluck Babysitter Moustache Caravan Spreadsheet Dentist Flatmate Speech"
    ),
    "Thriller": _words(
        "Witness Signal Alibi Passenger Archive Deadline Stranger Shadow Border Hostage Fugitive Mirror Wire Vault "
        "Whisper Motive Corridor Informant Suspect Trace Cipher Ransom Exit Undertow"
    ),
    "Crime": _words(
        "Precinct Verdict Evidence Ledger Inspector Heist Docks Syndicate Cartel Detective Testimony Burglar Getaway "
        "Coroner Smuggler Warrant Racket Accomplice Counterfeit Canal Informer Harbourmaster"
    ),
    "Action": _words(
        "Strike Convoy Rampart Outlaw Torque Thunder Siege "
        "Vanguard Recoil Squadron Extraction Furnace Bullet Mercenary "
        "Avalanche Typhoon Overdrive Firewall Commando Showdown Velocity Hammer"
    ),
    "Romance": _words(
        "Kiss Valentine Letters Heart Waltz Sunset Honeymoon Serenade Moonlight Bouquet Summer Ferry Bookshop Tango "
        "Balcony Proposal Postcard Violin Lantern Champagne Tulips Rendezvous"
    ),
    "Science fiction": _words(
        "Orbit Colony Horizon Machine Eclipse Meridian Android "
        "Nebula Gravity Reactor Voyager Signal Replica Starfall "
        "Paradox Perihelion Terraform Exile Transmission Singularity Cosmonaut Helix"
    ),
    "Horror": _words(
        "Cellar Crypt Hollow Marrow Attic Possession Graveyard Doll Scream Fog Asylum Curse Ritual Bones Midnight "
        "Scarecrow Swarm Basement Seance Tomb Wolves Crawlspace"
    ),
    "Documentary": _words(
        "Glacier Ocean Empire Orchestra Rainforest Volcano Chef Archive Whale Migration Desert Marathon Factory Reef "
        "Photographer Savannah Cathedral Beekeepers Satellites Railways Monsoon Potters"
    ),
    "Family": _words(
        "Dragon Treehouse Puppy Wizard Island Balloon Circus Pirate Penguin Castle Snowman Pony Explorer Dinosaur "
        "Lemonade Raccoon Playground Robot Otter Unicorn Sandcastle Squirrel"
    ),
    "Animation": _words(
        "Fox Moon Teapot Comet Hedgehog Origami Firefly Marble "
        "Kite Rabbit Toymaker Cloud Turtle Acorn Inkwell Lantern "
        "Snail Paper Meteor Goblin Clockwork Songbird"
    ),
    "Reality": _words(
        "Kitchen Makeover Renovation Bake-Off Showdown Bachelor Island Auction Boutique Garage Runway Orchard Farm "
        "Dance-Off Tattoo Mansion Workshop Barbecue Antiques Challenge Pottery Vineyard"
    ),
}

ADJECTIVES: dict[str, tuple[str, ...]] = {
    "Drama": _words("Quiet Distant Broken Last Unwritten Golden Fading Hidden Long Tender Bitter Borrowed Lost"),
    "Comedy": _words("Terrible Perfect Accidental Awkward Extra Almost Unlikely Big Lousy Reluctant Happy"),
    "Thriller": _words("Silent Cold Final False Hidden Deadly Blind Double Dark Missing Unknown Restless"),
    "Crime": _words("Dirty Cold Crooked Stolen Northern Grey Hard Second Unsolved Bloody Loaded"),
    "Action": _words("Iron Rogue Burning Steel Last Final Broken Black Savage Relentless Red"),
    "Romance": _words("Sweet Tender First Second Secret Endless Parisian Stolen Midnight Summer Unexpected"),
    "Science fiction": _words("Distant Silent Quantum Lost Outer Synthetic Seventh Frozen Infinite Parallel"),
    "Horror": _words("Hollow Black Crawling Haunted Pale Buried Whispering Rotten Crimson Forgotten Hungry"),
    "Documentary": _words("Wild Secret Hidden Lost Living Great Forgotten Last Human Invisible"),
    "Family": _words("Magic Brave Little Flying Amazing Lost Giggling Giant Lucky Invisible"),
    "Animation": _words("Tiny Wandering Curious Silver Sleepy Painted Little Flying Lonely Brave"),
    "Reality": _words("Ultimate Great Extreme Secret Celebrity Tiny Rural Grand Dream Midnight"),
}

ABSTRACTS = _words(
    "Ash Autumn Chance Dawn Dust Echoes Embers Exile Faith Fire "
    "Fortune Frost Glass Grace Honour Ice Iron Joy Light Luck "
    "Memory Mercy Night Rain Salt Sand Shadows Silver Smoke "
    "Snow Sorrow Stars Stone Storms Thorns Time Trust Truth Wonder "
)

CONCEPTS: dict[str, tuple[str, ...]] = {
    "Drama": ("family secrets", "illness", "immigration", "small town", "class divide"),
    "Comedy": ("workplace", "dating", "road trip", "mistaken identity", "in-laws"),
    "Thriller": ("conspiracy", "amnesia", "surveillance", "kidnapping"),
    "Crime": ("heist", "police procedural", "organised crime", "courtroom"),
    "Action": ("revenge", "special forces", "car chases", "martial arts"),
    "Romance": ("second chances", "enemies to lovers", "wedding", "long distance"),
    "Science fiction": ("time travel", "space", "artificial intelligence", "dystopia"),
    "Horror": ("haunted house", "slasher", "folklore", "vampires"),
    "Documentary": ("nature", "true crime", "music", "sports", "history"),
    "Family": ("talking animals", "friendship", "school", "magic"),
    "Animation": ("friendship", "magic", "talking animals", "adventure"),
    "Reality": ("cooking", "competition", "home renovation", "dating"),
}
CHRISTMAS = "christmas"
