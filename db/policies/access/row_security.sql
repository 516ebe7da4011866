-- What a new table needs is in access.tenant_tables.
select access.secure_tables();
