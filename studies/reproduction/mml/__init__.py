"""The tables and the figure of the Multi-Margin Loss paper (Ozsoy, arXiv 2405.04614)."""
