"""Programs that prepare, edit and publish jobs with Mainspring's own functions. They need its Django settings."""
