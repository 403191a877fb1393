"""The alternatives that Mainspring is compared with: minimal projects that use them as their documentation says."""
