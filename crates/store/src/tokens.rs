//! Grant codes and tokens, by hash.
