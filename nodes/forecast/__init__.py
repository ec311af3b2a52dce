"""What a workflow will cost, before it runs: its nodes' work, seconds and dollars, and how to spend less."""
