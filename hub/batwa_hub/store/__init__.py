"""The database: tables, migrations, and one repository per noun."""
