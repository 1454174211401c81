create table if not exists {partition} partition of {parent} for values from ({start}) to ({end})
