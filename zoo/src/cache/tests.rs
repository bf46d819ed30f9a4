//! The cache without a network.
