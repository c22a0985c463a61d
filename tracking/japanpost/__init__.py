"""Asks Japan Post about a parcel and reads its answer. Uses neither Django nor our database."""
