%% Stands for the hook by which OTP's own builds configure their suites: nothing is to be configured here.
-module(ts_install_cth).
-export([id/1, init/2]).
id(_) -> ?MODULE.
init(_, _) -> {ok, []}.
