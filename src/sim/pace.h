/* Market time as a function of real time. Stands until started; runs `speed` times as fast as real time then; may jump
 * forward over spans without bars. Pure: real time is an argument. Not used for top speed, where the market goes from
 * instant to instant as fast as its listeners read. */
#pragma once

typedef struct pace {
    double speed;      /* > 0 */
    int64_t anchor_ms; /* market time at anchor_ns */
    int64_t anchor_ns; /* real, monotonic */
    bool is_running;
} pace;

void pace_init(pace *p, double speed, int64_t market_ms);
/* Again: nothing. */
void pace_start(pace *p, int64_t real_ns);
/* Stands at `market_ms` until it is started again. */
void pace_stand(pace *p, int64_t market_ms);
int64_t pace_now_ms(const pace *p, int64_t real_ns);
/* Real ms until market time reaches `market_ms`, rounded up; 0 when it has. */
uint64_t pace_wait_ms(const pace *p, int64_t market_ms, int64_t real_ns);
/* Forward only. */
void pace_jump(pace *p, int64_t market_ms, int64_t real_ns);
