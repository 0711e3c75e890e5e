"""Ways to run the stages: here (`local`), with their front end in worker processes (`pool`, `worker`)."""
