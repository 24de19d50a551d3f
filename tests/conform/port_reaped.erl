%% A program that has ended is gone, whether its port is open and asks for no status, or was closed before.
-module(port_reaped).
-export([main/0]).

main() ->
    Open = open_port({spawn, "true"}, [eof]),
    Ended = pid(Open),
    Eof = receive {Open, eof} -> eof after 5000 -> nothing end,
    Closed = open_port({spawn, "sleep 0.3"}, []),
    Runs = pid(Closed),
    true = port_close(Closed),
    {Eof, gone(Ended, 200), erlang:port_info(Open, connected) =:= {connected, self()}, is_there(Runs), gone(Runs, 200)}.

pid(Port) -> {os_pid, Pid} = erlang:port_info(Port, os_pid), Pid.

is_there(Pid) -> filelib:is_dir("/proc/" ++ integer_to_list(Pid)).

gone(_, 0) -> no;
gone(Pid, N) -> case is_there(Pid) of false -> yes; true -> receive after 25 -> gone(Pid, N - 1) end end.
