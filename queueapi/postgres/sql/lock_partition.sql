lock table {partition} in access exclusive mode
