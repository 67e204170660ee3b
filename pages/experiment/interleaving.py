"""Interleaving: which of two rankers do viewers prefer, with far fewer viewers than an A/B test needs?"""

import streamlit as st

from ui import experiments_interleaving as room
from ui.charts import experiments_interleaving as charts
from ui.story import Story

MEANS = (
    "Both rankers share one list, and every viewer chooses between them without knowing. A viewer who watches much "
    "watches much of both, so differences between viewers drop out, and the same difference is found with far fewer "
    "viewers. It says which ranker is preferred, not how many more minutes it will bring: pick the few best rankers by "
    "interleaving, then try the winner in an A/B test. Two rankers that put the same titles on top look alike here."
)
COMPUTED = (
    "Team draft (Radlinski, Kurup and Joachims 2008): in each round a coin says who picks first, and each picks its "
    "highest title that is not on the list yet. A play counts for the ranker that picked the title. Sign test: exact "
    "binomial test over viewers who chose more from one. Credit test: Student’s t of each viewer’s difference. The "
    "simulated viewers have tastes, watch more or less (exponentially spread), and look at the first places most; a "
    "ranker’s quality is the correlation of its scores with the tastes. Chances come from exact means and variances, "
    "the interval of the ratio from a jackknife."
)

story = Story.begin("Interleaving", "Which of two rankers do viewers prefer, and how few viewers does it take?")
if room.source() == "file":
    preference = room.upload(story)
    if preference is None:
        st.stop()
    story.concerns("A file of credits: what each viewer chose of either ranker’s titles.")
    story.verdict(preference.summary(), room.tone(preference))
    story.metrics(room.credit_cards(preference))
    story.chart(charts.wins(preference), key="interleaving_wins", alt=preference.summary())
    story.explain(MEANS, COMPUTED)
    story.end(preference.to_frame())
    st.stop()
story.concerns("Made on the spot, with a truth that is known; no dataset is read.", label="Simulated", icon="science")
found = room.simulate()
story.verdict(found.summary())
story.metrics(room.simulated_cards(found))
story.chart(charts.chances(found), key="interleaving_chances", alt=found.summary())
story.heading("One such experiment")
story.text(f"By interleaving: {found.shared.summary()}")
story.text(f"By an A/B test of as many viewers: {found.parted.summary()}")
story.chart(charts.wins(found.shared), key="interleaving_wins", alt=found.shared.summary())
story.text(f"Who picked the titles of the first viewer’s list, from the top: {' '.join(found.example)}.")
story.explain(MEANS, COMPUTED)
story.end(found.to_frame())
