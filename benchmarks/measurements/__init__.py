"""What is measured: one file each, whose ``PART`` says what it is, who takes part, and what is to be reached."""
