"""What do staff do? Start page, words, parcels, access: callable from the admin, a command and a test."""
