"""A minimal project for each alternative that Mainspring is compared with, set up as its documentation describes."""
