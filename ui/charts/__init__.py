"""Charts: result objects in, plotly figures out. Nothing here knows of Streamlit."""
