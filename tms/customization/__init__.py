"""**Settings** of an organization, and below them **Customization**: Gamification and Profile Layout."""
