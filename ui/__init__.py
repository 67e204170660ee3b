"""What the pages share: charts, cards, tables, copy, and the app's state."""
