"""All that knows PostgreSQL: the only package that imports psycopg."""
