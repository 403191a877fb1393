"""`make bench`: this project beside what people would use instead, in one run and on the same stores."""
