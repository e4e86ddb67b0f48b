"""What tests of tallyd and of its drivers are built from; shipped, not used while it runs."""
