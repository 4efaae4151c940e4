"""The strict fakes keep to what their providers' documentation says."""
