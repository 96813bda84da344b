"""Importing this module gives the programs under test the default action of each signal. Under nohup, and in the background
of a shell, some signals are ignored, and programs inherit that. A caught signal gets its default action when a program is
executed, so this process catches those."""
import signal

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)
