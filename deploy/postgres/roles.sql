-- Makes the two roles of the product in a new database. Neither is a superuser, and neither can make roles or databases.
--   mydesklive_owner  owns the tables and brings them up to date (`manage.py migrate`)
--   mydesklive        reads and writes rows; it can neither change nor empty a table, nor switch a trigger off
-- Run it with psql as a superuser of that database. The passwords come from the environment.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv product_password DATABASE_PASSWORD

CREATE ROLE mydesklive_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE mydesklive LOGIN PASSWORD :'product_password';

ALTER DATABASE :"DBNAME" OWNER TO mydesklive_owner;
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO mydesklive; -- times are published by way of a temporary table

ALTER SCHEMA public OWNER TO mydesklive_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mydesklive;

-- What migrations will make.
ALTER DEFAULT PRIVILEGES FOR ROLE mydesklive_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mydesklive;
ALTER DEFAULT PRIVILEGES FOR ROLE mydesklive_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO mydesklive;
ALTER DEFAULT PRIVILEGES FOR ROLE mydesklive_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE mydesklive_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO mydesklive;
