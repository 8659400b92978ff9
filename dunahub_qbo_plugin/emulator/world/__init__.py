"""All companies, people, apps, grants and switches of one emulator."""
