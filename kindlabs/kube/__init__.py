"""One cluster's API server: requests, watched objects, applying as a learner."""
