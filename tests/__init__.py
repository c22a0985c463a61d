from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent  # its top folder
